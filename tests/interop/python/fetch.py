"""Makes a request, and knows nothing of OpenTelemetry.

    fetch.py URL
"""

import sys
from urllib.request import urlopen

with urlopen(sys.argv[1]) as response:
    sys.stdout.write(response.read().decode())
