#!/usr/bin/env bash
# What the two images and compose.yaml do, step by step, without a container engine: install from the files that .dockerignore
# admits, then run Redis, PostgreSQL, one service and two CPU workers with compose's flags as a user who cannot write the
# installation, and send the demo pair through. It does not test: cgroups, capabilities, read-only mounts, the NVIDIA runtime.
# Needs root (to become somebody else), redis-server, PostgreSQL's initdb and pg_ctl on the PATH, and a Python 3.11 that other
# users may run. Usage: [PYTHON=/usr/bin/python3] docker/rehearse.sh
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-/usr/bin/python3}
work=$(mktemp -d /tmp/lumbar3d-rehearsal.XXXXXX)
chmod 755 "$work"
user=nobody
as_user() { setpriv --reuid "$user" --regid nogroup --clear-groups env -i PATH="$PATH" HOME="$work/home" "$@"; }
pids=()
finish() {
  for pid in "${pids[@]}"; do pkill -TERM -P "$pid" || kill "$pid" || true; done 2>/dev/null
  as_user pg_ctl -D "$work/home/pg" -m immediate stop >/dev/null 2>&1 || true
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

echo "1. install as the Dockerfiles do"
mkdir "$work/src" && install -d -o "$user" -g nogroup "$work/home" "$work/home/data"
git ls-files pyproject.toml constraints.txt README.md LICENSE lumbar3d service worker ssm_assets | tar -cT - | tar -xC "$work/src"
"$python" -m venv "$work/venv"
(cd "$work/src" && "$work/venv/bin/pip" install --quiet --quiet --no-cache-dir --constraint constraints.txt ".[postgres,cpu]")
export PATH="$work/venv/bin:$PATH"

echo "2. Redis with AOF and noeviction, PostgreSQL"
redis_port=$(free_port) pg_port=$(free_port) port=$(free_port)
(cd "$work/home" && as_user redis-server --port "$redis_port" --bind 127.0.0.1 --appendonly yes --appendfsync everysec \
  --maxmemory 256mb --maxmemory-policy noeviction --requirepass rehearsal --logfile redis.log) & pids+=($!)
as_user initdb -D "$work/home/pg" -U lumbar3d --encoding UTF8 --auth trust >/dev/null
(cd "$work/home" && as_user pg_ctl -D "$work/home/pg" -w -o "-p $pg_port -c listen_addresses=127.0.0.1 -c unix_socket_directories=" -l pg.log start >/dev/null)
python3 - "$pg_port" <<'PY'
import sys, psycopg
with psycopg.connect(f"postgresql://lumbar3d@127.0.0.1:{sys.argv[1]}/postgres", autocommit=True) as connection:
    connection.execute("CREATE DATABASE lumbar3d")
PY

echo "3. service and two workers, as $user"
secret=$(lumbar3d key create bridge 2>"$work/entry.txt")
settings=(
  LUMBAR3D_DATA_DIR="$work/home/data"
  LUMBAR3D_DATABASE_URL="postgresql+psycopg://lumbar3d@127.0.0.1:$pg_port/lumbar3d"
  LUMBAR3D_BROKER_URL="redis://:rehearsal@127.0.0.1:$redis_port/0"
  OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1
)
cd "$work/home"
as_user "${settings[@]}" LUMBAR3D_API_KEY_HASHES="$(grep -o 'bridge:[0-9a-f]*' "$work/entry.txt")" \
  uvicorn --factory lumbar3d.service.app:create_app_from_environment --host 127.0.0.1 --port "$port" --http lumbar3d.service.connections:BoundedHttp --log-level warning > service.log 2>&1 & pids+=($!)
for worker in 1 2; do
  as_user "${settings[@]}" LUMBAR3D_ASSETS="$work/src/ssm_assets" NUMBA_CACHE_DIR="$work/home/numba" \
    celery --app lumbar3d.worker.app worker --without-gossip --without-mingle > "worker-$worker.log" 2>&1 & pids+=($!)
done
for _ in $(seq 60); do
  python3 -c "import urllib.request as u; u.urlopen('http://127.0.0.1:$port/readyz', timeout=1)" 2>/dev/null && break
  sleep 1
done

echo "4. the demo pair, twice, with a key; without one: refused"
demo="$OLDPWD/demo"
export LUMBAR3D_SERVER="http://127.0.0.1:$port"
failed() { tail -n 20 service.log worker-*.log; exit 1; }
pair=("$demo/ap.png" "$demo/lat.png" "$demo/calibration.json")
if lumbar3d submit "${pair[@]}"; then echo "accepted without a key"; exit 1; fi
export LUMBAR3D_API_KEY="$secret"
first=$(lumbar3d submit "${pair[@]}") || failed
second=$(lumbar3d submit "${pair[@]}") || failed
for job in "$first" "$second"; do
  lumbar3d wait "$job" || failed
done
lumbar3d download "$first" --out "$work/results" | wc -l
touch "$work/venv/lib/probe" && rm "$work/venv/lib/probe"
if as_user touch "$work/venv/lib/probe" 2>/dev/null; then echo "the installation is writable for $user"; exit 1; fi
echo "rehearsal passed"
