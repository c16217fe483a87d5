"""What leaves this machine: reports and passports, tables in LaTeX, figures as files, bundles of runs and studies."""
