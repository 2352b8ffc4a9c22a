#!/bin/sh
# The Debian package: built, installed into a root of its own, run from there, removed; the systemd
# unit.   usage: package.sh BUILD VERSION
set -u
build=$1 version=$2
packaging=$TREADLE_ROOT/packaging
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0

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

skip() { # sentence, reason
    skipped=$((skipped + 1))
    printf 'skipped: %s: %s\n' "$1" "$2"
}

finish() {
    printf '# pass %s\n# fail %s\n# skipped %s\n' "$passed" "$failed" "$skipped"
    [ "$failed" -eq 0 ]
    exit
}

has() { command -v "$1" >/dev/null; }

# ---- the package ----

field() { dpkg-deb --field "$deb" "$1"; }
contains() { dpkg-deb --contents "$deb" | grep -q " \./$1\$"; }
owned_by_root() { ! dpkg-deb --contents "$deb" | grep -v ' root/root '; }
depends_on() { field Depends | tr ',' '\n' | grep -q "^ *$1[ (]*"; }
states() { [ "$(field "$1")" = "$2" ]; }
sane_scripts() {
    for script in postinst prerm postrm; do
        sh -n "$packaging/$script" || return 1
    done
}

install_into_root() {
    root=$work/root
    mkdir -p "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates"
    : >"$root/var/lib/dpkg/status"
    # the scripts run outside, and see that nothing of this machine is theirs
    dpkg --root="$root" --force-depends --force-not-root --force-script-chrootless \
        --log="$work/dpkg.log" -i "$deb"
}
run_installed() { # the library beside it, not one of this machine
    [ "$("$work/root/usr/bin/treadle" --version)" = "treadle $version" ]
}
serve_installed() { # until it is asked to stop; its first line names its address
    TREADLE_LANG=en "$work/root/usr/bin/treadle" serve --port 0 --data "$work/data" >"$work/said" 2>&1 &
    server=$!
    for _ in $(seq 200); do
        ! grep -q listening "$work/said" || break
        sleep 0.1
    done
    kill "$server"
    wait "$server" && grep -q '^Treadle is listening on http://127.0.0.1:' "$work/said"
}
remove_again() {
    dpkg --root="$work/root" --force-not-root --force-script-chrootless --log="$work/dpkg.log" \
        -r treadle && [ ! -e "$work/root/usr/bin/treadle" ]
}
reads_as_manual() {
    zcat "$work/root/usr/share/man/man1/treadle.1.gz" >"$work/treadle.1"
    grep -q '^\.SH "CONFIG SHOW"$' "$work/treadle.1" && grep -qF 'rate\-per\-key' "$work/treadle.1"
    ! has groff || groff -man -Tascii -ww "$work/treadle.1" >"$work/man.txt" 2>"$work/man.err"
    ! [ -s "$work/man.err" ]
}

if has dpkg-deb && has dpkg-shlibdeps; then
    deb=$("$packaging/deb" "$build" "$work" 2>"$work/errors") || cat "$work/errors"
    check "the package is built" test -s "$deb"
    check "it states the version" states Version "$version"
    check "it states the architecture" states Architecture "$(dpkg --print-architecture)"
    check "it recommends the library that grows trees" states Recommends libxgboost0
    for library in libc6 libmicrohttpd12 libgnutls30 libsqlite3-0 libjansson4 libsodium23; do
        check "it depends on $library" depends_on $library
    done
    for file in usr/bin/treadle usr/include/treadle/treadle.h usr/share/man/man1/treadle.1.gz \
        usr/lib/systemd/system/treadle.service usr/share/doc/treadle/copyright; do
        check "it holds $file" contains $file
    done
    check "all it holds is root's" owned_by_root
    check "its scripts are sh" sane_scripts
    check "dpkg installs it into a root of its own" install_into_root
    check "the installed program prints the version" run_installed
    check "the installed program serves and stops" serve_installed
    check "the manual is roff" reads_as_manual
    check "dpkg removes it again" remove_again
else
    skip "the Debian package" "no dpkg-deb and dpkg-shlibdeps (apt-get install dpkg-dev)"
fi

# ---- the unit ----

verify_unit() {
    sed "s|/usr/bin/treadle|$build/treadle|" "$packaging/treadle.service" >"$work/treadle.service"
    said=$(systemd-analyze verify --man=no "$work/treadle.service" 2>&1) && [ -z "$said" ]
}
exposed_little() { # in tenths, of 10.0: what `systemd-analyze security` calls OK
    systemd-analyze security --offline=true --threshold=20 "$work/treadle.service"
}

if has systemd-analyze; then
    check "systemd finds nothing wrong with the unit" verify_unit
    check "the unit is exposed at 2.0 of 10 at most" exposed_little
else
    skip "the systemd unit" "no systemd-analyze"
fi

# ---- the image ----

copied_files_exist() {
    sed -n 's/^COPY \(.*\) [^ ]*$/\1/p' "$packaging/Dockerfile" | tr ' ' '\n' |
        while read -r file; do [ -e "$TREADLE_ROOT/$file" ] || { echo "no $file"; exit 1; }; done
}
check "what the Dockerfile copies is there" copied_files_exist
check "the image does not run as root" grep -q '^USER [1-9]' "$packaging/Dockerfile"
finish
