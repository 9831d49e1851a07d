# SPDX-License-Identifier: MIT
"""Big object graphs, built and dropped: dicts of lists of tuples, strings, cycles."""
import gc
import sys


class Node:
    def __init__(self, key, others):
        self.key = key
        self.name = f"node {key}"
        self.others = others


def build(count):
    nodes = []
    for key in range(count):
        nodes.append(Node(key, [nodes[key * i % (key + 1) - 1] for i in range(3) if key]))
    nodes[0].others.append(nodes[-1])
    return nodes


total = 0
for generation in range(int(sys.argv[1])):
    graph = build(30000)
    index = {node.name: (node.key, str(node.key) * 3) for node in graph}
    words = " ".join(index).split()
    total += sum(other.key for node in graph for other in node.others) + len(words)
    kept = graph[:: 100]
    del graph, index, words
    gc.collect()
print(total, len(kept))
