"""How a task on a node may end that is no end of what it computes: the head decides what follows."""

UNWANTED = "unwanted"  # nobody wants it any more
WAITS = "waits"  # the node has no memory for it now
LOST = "lost"  # the node, or Ray's process there, is gone
SILENT = "silent"  # the process that made trials of a search ended without a word
