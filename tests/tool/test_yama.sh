#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Where Yama restricts who may read a process: what the message says, and that what it says helps.
# In a virtual machine, whose kernel has Yama and whose settings are nobody's.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source-path=SCRIPTDIR source=../vm.sh
. "$(dirname "$0")/../vm.sh"
need setpriv objdump

build_c holder "$core" -Wl,-rpath,"$build/lib" -pthread
cat >"$work/inside" <<'END'
/bin/busybox mkdir -p /dev && /bin/busybox mount -t devtmpfs dev /dev
nobody="$setpriv --reuid=65534 --regid=65534 --clear-groups"
run() { # OPTION...: the holder, as nobody
	: >/tmp/ready
	/bin/busybox env "$@" $nobody "$holder" >/tmp/ready &
	pid=$!
	until /bin/busybox grep -q ready /tmp/ready; do /bin/busybox sleep 0.2; done
}
look() { # COMMAND...: its word for what it sees
	"$@" 2>&1 | /bin/busybox sed -n 's/^kmemtop: process [0-9]*: //p; s/^.* shared *$/seen/p'
}
echo # the first line may stand behind one of the console's own
run A=
for scope in 0 1 2 3; do
	echo $scope >/proc/sys/kernel/yama/ptrace_scope || exit 1
	echo "$scope: user: $(look $nobody "$kmemtop" -o -p $pid)"
	echo "$scope: root: $(look "$kmemtop" -o -p $pid)"
	[ $scope != 1 ] || {
		echo "$scope: child: $(KMEM_MALLOC_LIBRARY=$override $nobody "$kmemtop" -o -- "$setpriv" --version |
			/bin/busybox grep -c malloc-)"
		first=$pid
		run KMEM_OPTIONS=ptracer:any
		echo "$scope: ptracer:any: $(look $nobody "$kmemtop" -o -p $pid)"
		pid=$first
	}
done
END
chmod +x "$work/inside"
setpriv=$(type -P setpriv)
{
	printf '#!/bin/busybox sh\nholder=%q kmemtop=%q setpriv=%q override=%q\n' \
		"$work/holder" "$kmemtop" "$setpriv" "$override"
	cat "$work/inside"
} >"$work/script"
chmod +x "$work/script"
in_vm -- "$work/script" "$work/holder" "$kmemtop" "$setpriv" >"$work/said" || fail "$(cat "$work/said" "$work/console")"
cat "$work/said"

says() { # LINE PATTERN
	grep -Eq "^$1: $2" "$work/said" || fail "'$(grep "^$1:" "$work/said")' does not say '$2'"
}
says "0: user" "seen"
says "0: root" "seen"
says "1: user" "not permitted: Yama \(ptrace_scope 1\).* kmemtop -- COMMAND, .*KMEM_OPTIONS=ptracer:any.*CAP_SYS_PTRACE"
says "1: root" "seen"
says "1: child" "[1-9]"
says "1: ptracer:any" "seen"
says "2: user" "not permitted: Yama \(ptrace_scope 2\) asks for CAP_SYS_PTRACE"
says "2: root" "seen"
says "3: user" "not permitted: Yama \(ptrace_scope 3\) .*-c"
says "3: root" "not permitted: Yama \(ptrace_scope 3\) .*-c"
