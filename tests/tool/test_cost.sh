#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What it costs to watch a process with 10,000 slabs, and a redis-server under load: at most 5 ms of
# CPU a refresh, by the reading alone and by the whole screen; and no call that could stop anyone.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
need tmux strace redis-check-rdb redis-benchmark redis-cli

tmux_socket=kmemtop-cost-$$
undo() { tmux -L "$tmux_socket" kill-server 2>/dev/null || true; }

reading() { # WHAT SLABS: of $pid, which has at least so many
	local said us
	said=$(timeout 60 "$build/tests/cost" "$pid" 100) || fail "$1 cannot be read"
	echo "$1: $said"
	[ "${said%% *}" -ge "$2" ] || fail "$1 has too few slabs"
	us=${said#* slabs, }
	us=${us%% us*}
	[ "$us" -le 5000 ] || fail "$1: a reading takes $us us of CPU"
}

cpu_ns() { cut -d' ' -f1 "/proc/$viewer/schedstat"; }

screen() { # WHAT COMMAND...: on $pid, a refresh each second, while the command runs
	local what=$1 before started refreshes us
	shift
	tmux -L "$tmux_socket" -f /dev/null new-session -d -x 200 -y 60 "exec '$kmemtop' -d 1 -p $pid"
	viewer=$(tmux -L "$tmux_socket" display-message -p '#{pane_pid}')
	sleep 2
	tmux -L "$tmux_socket" capture-pane -p | grep -q "OBJS ACTIVE" || fail "$what: there is no screen"
	before=$(cpu_ns) started=$(date +%s)
	"$@"
	refreshes=$(($(date +%s) - started))
	us=$((($(cpu_ns) - before) / 1000 / refreshes))
	undo
	echo "$what: $us us of CPU for each of $refreshes refreshes of the screen"
	[ "$us" -le 5000 ] || fail "$what: a refresh of the screen takes $us us of CPU"
}

load() {
	timeout 60 redis-benchmark -s "$work/socket" -t set,get -n 150000 -c 20 -r 300000 -d 100 --csv |
		awk -F'"' 'NR > 1 { print $2 ": " $4 " a second" }'
}

# Nothing is sent to it but the question whether it is there.
test_stops() {
	strace -f -e trace=ptrace,kill,tgkill,tkill,pidfd_send_signal -o "$work/calls" "$kmemtop" -o -p "$pid" >"$work/table"
	grep -q malloc- "$work/table" || fail "no table: $(cat "$work/table")"
	! grep -v "kill($pid, 0) *= 0\|+++ exited" "$work/calls" || fail "it does more than look"
}

build_c holder "$core" -Wl,-rpath,"$build/lib" -pthread
launch env LD_PRELOAD="$override" "$work/holder" 10000
reading "a program at rest" 10000
screen "a program at rest" sleep 5
test_stops

# The server's program under its other name: the package redis-server would start a daemon.
ln -s "$(command -v redis-check-rdb)" "$work/redis-server"
env LD_PRELOAD="$override" "$work/redis-server" --port 0 --unixsocket "$work/socket" --save "" --dir "$work" \
	--enable-debug-command local >"$work/redis.log" 2>&1 &
pid=$!
pids+=("$pid")
for _ in $(seq 100); do
	[ "$(timeout 20 redis-cli -s "$work/socket" ping 2>/dev/null)" != PONG ] || break
	sleep 0.1
done
timeout 60 redis-cli -s "$work/socket" debug populate 1500000 key 100 >"$work/log" || fail "redis: $(cat "$work/log")"
load &
reading "redis-server under load" 10000
wait $!
screen "redis-server under load" load
