"""The screen: asks for runs and looks at results; computes nothing and never imports torch."""
