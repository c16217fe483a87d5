"""One colour and one mark for each model, everywhere; told apart without colour too.

Okabe and Ito's palette, darkened until each passes 3:1 on both themes' backgrounds.
"""

MODEL_COLOUR = {"original": "#808890", "unlearned": "#D55E00", "reference": "#2F7FC1"}
MODEL_PATTERN = {"original": "", "unlearned": "", "reference": "/"}
MODEL_TITLE = {"original": "Original", "unlearned": "Unlearned", "reference": "Retrained reference"}
ACCENT, QUIET, THRESHOLD = "#D55E00", "#808890", "#A06CD5"

STATUS_ICON = {
    "queued": ":material/schedule:",
    "running": ":material/progress_activity:",
    "done": ":material/check_circle:",
    "failed": ":material/error:",
    "cancelled": ":material/cancel:",
    "interrupted": ":material/power_off:",
}
