"""What leaves a home: reports and passports of runs and studies, tables in LaTeX, figures as files."""
