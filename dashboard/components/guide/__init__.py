"""The chapters of the guide and the glossary, as the Guide page shows them."""
