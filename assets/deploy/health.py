"""Exit status 0 where the dashboard of this container answers, else 1: what Dockerfile's HEALTHCHECK calls.

It asks as a browser would: below the server's path, under a name that the server answers to.
"""

import os
import sys
from urllib.request import Request, urlopen

SECONDS = 4  # of the five that HEALTHCHECK waits


def healthy(settings: "os._Environ[str] | dict[str, str]") -> bool:
    """By the variables that the server is set up with; those that are not set stand as in .streamlit/config.toml."""
    below = settings.get("STREAMLIT_SERVER_BASE_URL_PATH", "").strip("/")
    address = f"http://127.0.0.1:{settings.get('STREAMLIT_SERVER_PORT', '8501')}/{below and below + '/'}_stcore/health"
    names = settings.get("STREAMLIT_SERVER_ALLOWED_HOSTS", "").split()
    named = [name for name in names if "*" not in name]  # *.lab.example is no name to ask under
    host = named[0] if named else names[0].replace("*", "health") if names else "localhost"
    try:
        with urlopen(Request(address, headers={"Host": host}), timeout=SECONDS) as answer:
            return bool(answer.read() == b"ok")
    except OSError:  # URLError is one
        return False


if __name__ == "__main__":
    sys.exit(not healthy(os.environ))
