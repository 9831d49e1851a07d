#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What it takes to read another process: containers of all kinds are read from the host, and where
# a right is missing the message says which one.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
need setpriv unshare
[ "$(id -u)" = 0 ] || skip "needs root"

cd "$work"
chmod 755 .
cp "$core" "$override" "$kmemtop" .
build_c holder -L. -l:libkmem.so -Wl,-rpath,"$work" -pthread
mv libkmem.so "$(objdump -p holder | awk '/NEEDED.*libkmem/ { print $2 }')"
nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)

start() { # COMMAND...: $pid of the holder that it runs
	launch env LD_LIBRARY_PATH=. "$@"
	while child=$(pgrep -P "$pid"); do pid=$child; done
	[ "$(cat "/proc/$pid/comm")" = holder ] || fail "$* does not run"
}

reads() { # WHAT COMMAND...: it prints a table with what the holder holds
	local what=$1
	shift
	timeout 20 "$@" -o -p "$pid" >table 2>said || fail "$what: $(cat said)"
	grep -Eq '^ *[0-9]+ +3700 .* shared *$' table || fail "$what: $(cat table)"
	[ ! -s said ] || fail "$what: $(cat said)"
	echo "ok: $what"
}

refuses() { # WHAT PATTERN COMMAND...: one line
	local what=$1 pattern=$2 status=0
	shift 2
	timeout 20 "$@" -o -p "$pid" >table 2>said || status=$?
	[ "$status $(wc -c <table) $(wc -l <said)" = "1 0 1" ] || fail "$what: $status, $(cat table said)"
	grep -Eq -e "process $pid: not permitted: $pattern" said || fail "$what: '$(cat said)' does not say '$pattern'"
	echo "ok: $what: $(cat said)"
}

stop() {
	kill -9 "$pid"
	wait "${pids[-1]}" 2>/dev/null || true
}

# --- containers ------------------------------------------------------------------------

# A root of its own with nothing but the program and its libraries, as an image has.
make_image() {
	local file
	mkdir image
	for file in holder libkmem-malloc.so libkmem.so.* $(ldd holder | grep -o '/[^ ]*' | sort -u); do
		mkdir -p "image/$(dirname "$file")"
		cp -L "$file" "image/$file"
	done
}

test_containers() {
	make_image
	unshare -mpf true 2>/dev/null || { echo "skipped: this machine forbids namespaces" && return; }
	start unshare -mpf chroot image "/holder"
	reads "in mount and pid namespaces, in a root of its own" "$kmemtop"
	[ "$(awk '/^NSpid/ { print NF }' "/proc/$pid/status")" = 3 ] || fail "it is in our pid namespace"
	reads "seen from a container beside it" unshare -m "$kmemtop"
	stop
	start unshare -mpf sh -c 'mount -t tmpfs none image && cd image && cp ../holder ../libkmem* . && ./holder'
	reads "its files are on a file system of its own" "$kmemtop"
	stop
	start "${nobody[@]}" unshare -Urmpf ./holder
	reads "in a user namespace, as root" "$kmemtop"
	reads "in a user namespace, as its owner" "${nobody[@]}" ./kmemtop
	stop
	start "${nobody[@]}" ./holder
	refuses "out of a user namespace" "it is in another user namespace; this takes CAP_SYS_PTRACE there" \
		"${nobody[@]}" unshare -Ur ./kmemtop
	stop
}

# --- rights ----------------------------------------------------------------------------

test_rights() {
	local unable=(setpriv --bounding-set=-sys_ptrace --inh-caps=-sys_ptrace)
	start ./holder
	refuses "another user's" "it runs as uid 0 gid 0, kmemtop uid 65534 gid 65534; .*CAP_SYS_PTRACE" \
		"${nobody[@]}" ./kmemtop
	refuses "root without the capability" "it has capabilities that kmemtop has not; .*CAP_SYS_PTRACE" \
		"${unable[@]}" ./kmemtop
	stop
	start "${nobody[@]}" ./holder
	reads "one's own" "${nobody[@]}" ./kmemtop
	kill -USR1 "$pid"
	for _ in $(seq 100); do
		[ "$(stat -c %u "/proc/$pid/status")" != 0 ] || break
		sleep 0.1
	done
	refuses "not dumpable" "it is not dumpable .*CAP_SYS_PTRACE" "${nobody[@]}" ./kmemtop
	reads "not dumpable, as root" "$kmemtop"
	# shellcheck disable=SC2016
	refuses "another user's, hidden" "/proc hides it \(hidepid\)" unshare -m sh -c 'mount -t proc -o hidepid=2 proc /proc &&
		exec setpriv --reuid=65533 --regid=65533 --clear-groups "$0" "$@"' ./kmemtop
	stop
	start "${nobody[@]}" --inh-caps=+net_raw --ambient-caps=+net_raw ./holder
	refuses "one with a capability" "it has capabilities that kmemtop has not" "${nobody[@]}" ./kmemtop
	stop
}

test_containers
test_rights
