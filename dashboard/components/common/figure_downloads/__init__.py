"""SVG and PNG downloads in the toolbar of every figure."""
