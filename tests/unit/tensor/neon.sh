#!/bin/sh
# The kernels built for aarch64 and run under qemu give the bits they give here: once on a core with
# all extensions, once on one without. usage: neon.sh SOURCE_ROOT DIGEST_PROGRAM_OF_THIS_MACHINE
set -eu
root=$1 here=$(realpath "$2")
for tool in aarch64-linux-gnu-gcc qemu-aarch64-static; do
    command -v $tool >/dev/null || {
        echo "skipped: $tool is not installed (Debian: gcc-aarch64-linux-gnu, qemu-user-static)"
        exit 77
    }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$root/src/tensor"
flags="-std=c17 -D_GNU_SOURCE -DTDL_VERSION=\"0\" -O3 -ffunction-sections -Wall -Wextra -Werror -I$root/src -I$root/include"

compile() { # SOURCE FLAGS...
    source=$1
    shift
    aarch64-linux-gnu-gcc $flags "$@" -c "$source" -o "$work/$(basename "$source" .c).o"
}
for source in cpu formats gemm packed product quantised rows scratch selftest gemm_scalar int_scalar; do
    compile $source.c -ffp-contract=off
done
compile gemm_neon.c -ffp-contract=off
compile bf16_neon.c -ffp-contract=off -march=armv8.2-a+bf16
compile int_neon.c -ffp-contract=off -march=armv8.2-a+dotprod
for source in pool status str; do
    compile "$root/src/base/$source.c"
done
compile "$root/tests/unit/tensor/digest.c"
aarch64-linux-gnu-gcc -static -Wl,--gc-sections "$work"/*.o -lm -lpthread -o "$work/digest"

"$here" >"$work/expected"
cat "$work/expected"
failed=0
for core in max cortex-a53; do
    if qemu-aarch64-static -cpu $core "$work/digest" >"$work/got" && cmp "$work/expected" "$work/got"
    then
        echo "neon on $core: the same bits"
    else
        echo "neon on $core DIFFERS:"
        cat "$work/got"
        failed=1
    fi
done
exit $failed
