"""What leaves this machine: reports, and bundles of runs and studies."""
