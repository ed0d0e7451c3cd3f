"""Compute credits as reserves: what providers have sold us in advance, counted with caution.

Both bill a prepaid balance in dollars, so one credit is a cent of it.
"""

from typing import Any

MAX_AGE_SECONDS = 24 * 3600

SEMANTICS = "1 credit = 1 US cent of the prepaid balance; amounts are what is left of it, not packs bought"

# Normalised integer credits, never packs: a pack's size may change, and what it bought does not.
COMPUTE: list[dict[str, Any]] = [
    {
        "name": "compute:gemini",
        "asset_type": "compute_credit",
        "provider": "Gemini",
        "unit": "GEMINI_CREDIT",
        "custody": "the prepaid balance of the operator's billing account",
        "source": {"kind": "gemini"},
        "haircut_bps": 5000,
        "max_age_seconds": MAX_AGE_SECONDS,
        "is_eligible": True,
        "metadata": {
            "sku": "gemini-api-prepaid",
            "sku_semantics": SEMANTICS,
            "transferable": False,
        },
    },
    {
        "name": "compute:fal",
        "asset_type": "compute_credit",
        "provider": "FAL",
        "unit": "FAL_CREDIT",
        "custody": "the prepaid balance of the operator's account",
        "source": {"kind": "fal"},
        "haircut_bps": 7000,
        "max_age_seconds": MAX_AGE_SECONDS,
        "is_eligible": True,
        "metadata": {
            "sku": "fal-prepaid-credits",
            "sku_semantics": SEMANTICS,
            "transferable": False,
        },
    },
]
