#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# python3 with its own small-object allocator off: json, regular expressions, threads, subprocesses.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
need python3

cat >"$work/script.py" <<'PYTHON'
import collections, hashlib, json, re, subprocess, sys, threading

data = [{"n": n, "s": "x" * (n % 300), "l": list(range(n % 20))} for n in range(20000)]
text = json.dumps(data)
assert json.loads(text) == data
print(len(text), hashlib.sha256(text.encode()).hexdigest())

words = collections.Counter(re.findall(r'"s": "(x*)", "l": \[(\d*)', text))
print(len(words), sum(words.values()), re.sub("x+", lambda m: str(len(m[0])), text)[-80:])

results = {}
def work(k):
	local = {}
	for n in range(50000):
		local[n % 997] = str(n) * (n % 9 + 1)
	results[k] = hashlib.sha256("".join(local[n] for n in sorted(local)).encode()).hexdigest()
threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
for t in threads:
	t.start()
for t in threads:
	t.join()
print(sorted(results.items()))

for k in range(5):
	out = subprocess.run([sys.executable, "-c", "print(sum(len(str(n)) for n in range(100000)))"],
		capture_output=True, text=True, check=True)
	print(out.stdout.strip())
PYTHON
export PYTHONMALLOC=malloc PYTHONDONTWRITEBYTECODE=1
same python3 "$work/script.py"
