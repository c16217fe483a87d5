"""Tables that a run stores: by class, by image, by weight."""
