"""The unlearning engine: a request becomes a run; it is prepared, trained, unlearned, evaluated and stored."""
