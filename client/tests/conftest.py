"""The client is tested as it stands in the repository, installed or not."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "src"))
