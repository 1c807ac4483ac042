"""Says by its exit code whether a service is well; docker-compose.yaml asks it again and again.

    python -IS healthy.py URL        whether the address answers
    python -IS healthy.py URL PART   whether Airflow says of one of its parts that it is, at its health's address

Standard library only, and started without the site's packages: a hundredth of what Airflow's own commands take, beside
workers that take times.
"""

import json
import sys
from urllib.request import urlopen


def main(url: str, part: str = "") -> int:
    """0 where it is well.

    :raises OSError: nothing answers there, or with an error.
    """
    with urlopen(url, timeout=5) as reply:
        return int(bool(part) and json.load(reply)[part]["status"] != "healthy")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
