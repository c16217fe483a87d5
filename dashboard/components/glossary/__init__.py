"""Terms that a page shows: their entries in the glossary, opened where they stand."""
