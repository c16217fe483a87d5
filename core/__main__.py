"""python -m core: the engine without a screen."""

from core.cli.main import main

if __name__ == "__main__":
    main()
