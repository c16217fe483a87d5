"""Training and the exact Fisher over several processes that share each batch: the group, the processes, and what is handed to them."""
