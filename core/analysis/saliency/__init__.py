"""Attribution maps, by Captum's explainers; their similarity between networks, and their faithfulness."""
