"""The former place of `ssd_core.upstream.launch_benchmark`, for scripts that name it."""

import sys

from ssd_core.upstream.launch_benchmark import main

if __name__ == "__main__":
    print("python -m ssd_core.launch_benchmark is now python -m ssd_core.upstream.launch_benchmark.", file=sys.stderr)
    sys.exit(main())
