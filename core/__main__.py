"""python -m core: the engine without a screen."""

from core.cli.entry import main

if __name__ == "__main__":
    main()
