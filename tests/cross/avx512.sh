#!/bin/bash
# Runs the kernel tests on AVX-512 alone: natively where the processor has it, else in an emulated machine. BUILD and MAKE come
# from `make check-avx512`; the arguments are the test programs.
#
# The machine is Bochs' Skylake-X, which starts Debian's kernel from an image that holds the tests, linked statically, and an
# init that runs them (init.c). What they print comes out at its serial port. It needs about fifteen minutes, at some
# hundred million instructions a second. What is not installed is named, and the check is passed over.
set -u
cd "$(dirname "$0")/../.." || exit 1
out=$(realpath -m "$BUILD/avx512")
machine=$out/machine
export TEST_ISA=avx512

skip() {
    echo "check-avx512: $1; skipped"
    exit 0
}
build() { # MAKE'S ARGUMENTS
    "$MAKE" --no-print-directory BUILD="$out" BLAS=none CFLAGS=-Werror "$@" "${programs[@]}"
}
programs=("${@/#/$out/}")

flags=$(sed -n '/^flags/{p;q}' /proc/cpuinfo 2>/dev/null)
native=1
for flag in avx512f avx512bw avx512dq avx512vl; do
    case "$flags " in *" $flag "*) ;; *) native= ;; esac
done
if [ -n "$native" ]; then
    build && tests/run "${programs[@]}"
    exit
fi

[ "$(uname -m)" = x86_64 ] || skip "the processor is of another family"
for tool in bochs genisoimage cpio apt-get dpkg-deb; do
    command -v $tool >/dev/null || skip "no AVX-512 here, nor $tool (Debian: bochs genisoimage isolinux syslinux-common cpio)"
done
isolinux=/usr/lib/ISOLINUX/isolinux.bin loader=/usr/lib/syslinux/modules/bios/ldlinux.c32
[ -r $isolinux ] && [ -r $loader ] || skip "no AVX-512 here, nor isolinux (Debian: isolinux syslinux-common)"

# Check's own pkg-config file does not name what a static link needs.
build PKG_CONFIG=false LDFLAGS=-static || exit 1

kernel=$out/kernel
fetch_kernel() {
    local package
    package=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n1)
    [ -n "$package" ] && rm -rf "$kernel" && mkdir -p "$kernel" &&
        (cd "$kernel" && apt-get -qq -o APT::Sandbox::User=root download "$package" && dpkg-deb --fsys-tarfile ./*.deb |
            tar -x --wildcards './boot/vmlinuz-*' && rm ./*.deb && mv boot/vmlinuz-* vmlinuz)
}
[ -e "$kernel/vmlinuz" ] || fetch_kernel || skip "Debian's kernel (linux-image-cloud-amd64) could not be fetched"

rm -rf "$machine"
mkdir -p "$machine/root/"{test,tmp,proc,dev} "$machine/disc" || exit 1
cc -O1 -static -o "$machine/root/init" tests/cross/init.c || exit 1
count=0
for program in "${programs[@]}"; do
    count=$((count + 1))
    cp "$program" "$machine/root/test/$count" || exit 1
done
cp "$kernel/vmlinuz" "$isolinux" "$loader" "$machine/disc" || exit 1
(cd "$machine/root" && find . | cpio -o -H newc 2>/dev/null | gzip -1) >"$machine/disc/initrd.gz" || exit 1
# Bochs gives the size of XSAVES' area otherwise than the kernel counts it, which then would go without AVX; the old form agrees.
# What follows -- is for init, the variables its environment.
cat >"$machine/disc/isolinux.cfg" <<END
default tests
label tests
kernel vmlinuz
append initrd=initrd.gz console=ttyS0,115200 quiet nokaslr nopti mitigations=off noxsaves clearcpuid=xsavec tsc=reliable lpj=1000000 CK_FORK=no TEST_ISA=avx512
END
genisoimage -quiet -o "$machine/disc.iso" -b isolinux.bin -c boot.cat -no-emul-boot -boot-load-size 4 -boot-info-table \
    "$machine/disc" || exit 1
cat >"$machine/bochsrc" <<END
cpu: model=corei7_skylake_x, count=1, ips=50000000, reset_on_triple_fault=0
memory: guest=512, host=512
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path=disc.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=serial.txt
clock: sync=none, time0=1700000000
display_library: rfb, options="timeout=0"
config_interface: textconfig
speaker: enabled=0
sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy
log: bochs.log
panic: action=fatal
END
echo c >"$machine/go" # Debian's Bochs begins in its debugger

echo "check-avx512: an emulated machine runs $count programs (about fifteen minutes; $machine/serial.txt grows)"
(cd "$machine" && timeout -k 5 3600 bochs -q -f bochsrc -rc go </dev/null >bochs.out 2>&1)
tr -d '\r' <"$machine/serial.txt" | grep -v '^\[ '
if grep -q 'skipped: no kernels for avx512' "$machine/serial.txt"; then
    echo "check-avx512: the emulated machine has no AVX-512"
    exit 1
fi
passed=$(grep -c 'ended with status 0' "$machine/serial.txt")
echo "check-avx512: $passed of $count programs passed"
[ "$passed" -eq "$count" ]
