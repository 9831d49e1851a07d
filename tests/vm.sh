# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154
# in_vm ARGUMENTS-OF-QEMU -- COMMAND: run it as root of a small virtual machine of its own, for what
# this one does not allow: limits above the hard ones, other page sizes, NUMA nodes. Programs are
# given by their full paths; they are copied with the libraries they load, and so is $override.
# Its kernel says nothing but why it panics, so that no line of its own cuts another, and does not
# check the timer: on a busy machine the ticks that it waits for come too late.
# Needs tests/lib.sh, qemu, busybox, cpio, and a kernel: this machine's, or Debian's, which is
# downloaded to the build directory and not installed. Prints what the command prints; returns its
# status.

vm_kernel() {
	local kernel
	for kernel in "$build"/vm/boot/vmlinuz-* /boot/vmlinuz-*-cloud-* /boot/vmlinuz-"$(uname -r)"; do
		[ ! -r "$kernel" ] || { echo "$kernel" && return; }
	done
	mkdir -p "$build/vm"
	(cd "$build/vm" && apt-get -qq download "$(apt-cache depends --important linux-image-cloud-amd64 |
		sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p')" && dpkg-deb -x linux-image-*.deb . &&
		rm -rf linux-image-*.deb lib usr) >/dev/null 2>&1 || return 1
	echo "$build"/vm/boot/vmlinuz-*
}

vm_copy() { # ROOT FILE...: with the libraries that the loader would find
	local root=$1 file
	shift
	for file in "$@" $(for f; do ldd "$f" 2>/dev/null; done | grep -o '/[^ ]*' | sort -u); do
		mkdir -p "$root$(dirname "$file")"
		cp -L "$file" "$root$file"
	done
}

in_vm() {
	local options=() root=$work/vm kernel word
	need qemu-system-x86_64 busybox cpio
	kernel=$(vm_kernel) || skip "no kernel for a virtual machine"
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	mkdir -p "$root"/{bin,proc,sys,tmp}
	cp "$(command -v busybox)" "$root/bin/"
	for word; do
		[ ! -x "$word" ] || [ -d "$word" ] || vm_copy "$root" "$word"
	done
	vm_copy "$root" "$override"
	{
		printf '#!/bin/busybox sh\n/bin/busybox mount -t proc proc /proc\n/bin/busybox mount -t sysfs sys /sys\n'
		printf 'cd /tmp\nLD_PRELOAD=%q %s\necho "vm-status $?"\n/bin/busybox poweroff -f\n' "$override" "$*"
	} >"$root/init"
	chmod +x "$root/init"
	(cd "$root" && find . | cpio -o -H newc --quiet) >"$work/initrd"
	timeout 100 qemu-system-x86_64 -m 1024 -nographic -no-reboot -kernel "$kernel" -initrd "$work/initrd" \
		-append "console=ttyS0 loglevel=1 panic=-1 no_timer_check" "${options[@]}" </dev/null 2>&1 | tr -d '\r' >"$work/console"
	sed -n '/Booting from ROM/,/^vm-status/p' "$work/console" | sed '1d;$d;s/\x1b[^A-Za-z]*[A-Za-z]//g'
	return "$(sed -n 's/^vm-status //p' "$work/console" | grep . || echo 1)"
}
