"""What the methods that the dashboard is about are held against: the field's baselines, retraining, doing nothing."""
