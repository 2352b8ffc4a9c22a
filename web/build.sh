#!/bin/sh
# Build the dashboard into one C file; meson calls this, and so can you.
#
#   web/build.sh WORK_DIR OUTPUT.c DEPFILE
#
# npm packages are installed only when web/node_modules is missing or older than the lock file, so
# a second build needs no network. WORK_DIR receives the built site; DEPFILE lists what it was
# made from, for ninja.
set -eu

work=$1 output=$2 depfile=$3
web=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$web")
stamp=$web/node_modules/.package-lock.json # npm writes it when an install is complete
log=$work.log
start=$PWD # ninja names its outputs from here

run() { # quiet when all is well
    "$@" >"$log" 2>&1 || {
        cat "$log" >&2
        return 1
    }
}

install_packages() {
    [ -f "$stamp" ] && ! [ "$web/package-lock.json" -nt "$stamp" ] && return 0
    run npm ci --ignore-scripts --no-audit --no-fund || {
        echo "web/build.sh: npm ci failed; with no network, configure with -Ddashboard=disabled" >&2
        return 1
    }
    touch "$stamp"
}

cd "$web"
mkdir -p "$work"
exec 9>"$web/.install-lock" # two build folders may be built at the same time
flock 9
install_packages
run npm run --silent types
run npm run --silent check
exec 9>&-
run node_modules/.bin/vite build --outDir "$work" --logLevel warn
cd "$start"
"$root/tools/embed-assets" "$work" "$output"
{
    printf '%s:' "$output"
    find "$web/src" "$web/locales" -path "$web/src/generated" -prune -o -print |
        sed 's/ /\\ /g; s/^/ /' | tr '\n' ' '
    printf ' %s' "$web/index.html" "$web/package-lock.json" "$web/vite.config.ts" \
        "$web/tsconfig.json" "$root/src/http/openapi.json"
    echo
} >"$depfile"
