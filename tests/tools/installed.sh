#!/bin/sh
# A program of somebody else, in C and in C++, against the installed tree and nothing but pkg-config.
#   usage: installed.sh BUILD VERSION
set -eu
build=$1 version=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

check() { # sentence, command...
    sentence=$1
    shift
    if said=$("$@" 2>&1); then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'not ok: %s\n%s\n' "$sentence" "$said"
    fi
}

cat >"$work/main.c" <<'C'
#include <stdio.h>
#include <treadle/treadle.h>

int main(void)
{
    puts(tdl_version());
    return tdl_status_http(TDL_OK) == 200 ? 0 : 1;
}
C
cp "$work/main.c" "$work/main.cc"

meson install -C "$build" --no-rebuild --quiet --destdir "$work/root"
pc=$(find "$work/root" -name treadle.pc)
PKG_CONFIG_PATH=$(dirname "$pc")
PKG_CONFIG_SYSROOT_DIR=$work/root
export PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR
lib=$(pkg-config --variable=libdir treadle)
case $lib in "$work/root"*) ;; *) lib=$work/root$lib ;; esac

compile_and_run() { # compiler standard file
    # shellcheck disable=SC2046  # pkg-config answers with several words
    "$1" "-std=$2" -Wall -Wextra -Wpedantic -Werror "$work/$3" -o "$work/$3.run" \
        $(pkg-config --cflags --libs treadle) || return 1
    [ "$(LD_LIBRARY_PATH=$lib "$work/$3.run")" = "$version" ]
}

check "treadle.pc states the version" test "$(pkg-config --modversion treadle)" = "$version"
check "a C17 program compiles, links and prints the version" compile_and_run gcc c17 main.c
check "a C++17 program compiles, links and prints the version" compile_and_run g++ c++17 main.cc
check "the SONAME carries the major version only" \
    sh -c "readelf -d '$lib/libtreadle.so' | grep -q 'SONAME.*\[libtreadle.so.0\]'"
program=$(find "$work/root" -name treadle -type f -perm -u+x)
check "the installed command prints the version" sh -c "'$program' --version | grep -qF '$version'"

printf '# pass %s\n# fail %s\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
