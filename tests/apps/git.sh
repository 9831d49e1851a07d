#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# git: a repository of a few hundred commits, repacked, checked and read again.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
need git

export HOME=$work GIT_CONFIG_NOSYSTEM=1 GIT_PAGER=cat
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=c GIT_COMMITTER_EMAIL=c@example.org
git config --global gc.autoDetach false
git config --global init.defaultBranch main

history() { # COMMAND...: make $repository with git run by COMMAND, and describe it
	"$@" git init -q "$repository"
	for n in $(seq 100); do
		seq "$n" 7 $((n * 50)) >"$repository/file$((n % 17))"
		export GIT_AUTHOR_DATE="$((1000000000 + n)) +0000" GIT_COMMITTER_DATE="$((1000000000 + n)) +0000"
		"$@" git -C "$repository" add .
		"$@" git -C "$repository" commit -qm "commit $n"
	done
	# The rest of them in one process.
	for n in $(seq 101 400); do
		printf 'commit refs/heads/main\ncommitter c <c@example.org> %d +0000\ndata 4\nmore\n' $((1000000000 + n))
		[ "$n" -gt 101 ] || echo "from refs/heads/main^0"
		printf 'M 644 inline f%d\ndata %d\n%s\n' $((n % 29)) ${#n} "$n"
	done >"$work/stream"
	"$@" git -C "$repository" fast-import --quiet <"$work/stream"
	"$@" git -C "$repository" gc -q
	"$@" git -C "$repository" fsck --full --strict
	"$@" git -C "$repository" log --stat --format=raw main
	"$@" git -C "$repository" blame main -- file3
}

repository=$work/theirs
history timeout 60 >"$work/theirs.log" 2>&1 || fail "git without libkmem: $(tail -n 3 "$work/theirs.log")"
repository=$work/ours
history with_ours >"$work/ours.log" 2>&1 || fail "git: $(tail -n 3 "$work/ours.log")"
cmp "$work/theirs.log" "$work/ours.log" || fail "git says something else: $(diff "$work/theirs.log" "$work/ours.log" | head -n 4)"
echo "$(git -C "$repository" rev-list --count main) commits"
same git -C "$repository" log -p --format=raw main
