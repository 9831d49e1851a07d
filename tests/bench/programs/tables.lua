-- SPDX-License-Identifier: MIT
-- Tables of tables, strings, closures, trees; collected as they become garbage.
local function tree(depth)
	if depth == 0 then
		return { leaf = true }
	end
	return { left = tree(depth - 1), right = tree(depth - 1), depth = depth }
end

local function count(node)
	return node.leaf and 1 or 1 + count(node.left) + count(node.right)
end

local total = 0
for round = 1, tonumber(arg[1]) do
	total = total + count(tree(14))
	local words, parts = {}, {}
	for i = 1, 20000 do
		words["key" .. i % 3000 .. "-" .. round] = { i, tostring(i * 7), function() return i end }
		parts[#parts + 1] = tostring(i)
	end
	for _, word in pairs(words) do
		total = total + #word[2] + word[3]()
	end
	total = total + #table.concat(parts, ",")
end
print(total)
