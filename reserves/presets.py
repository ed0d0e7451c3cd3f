"""Compute credits as reserves: what providers have sold us in advance, counted with caution."""

from typing import Any

MAX_AGE_SECONDS = 24 * 3600

# Normalised integer credits, never packs: a pack's size may change, and what it bought does not.
COMPUTE: list[dict[str, Any]] = [
    {
        "name": "compute:gemini",
        "asset_type": "compute_credit",
        "provider": "Gemini",
        "unit": "GEMINI_CREDIT",
        "haircut_bps": 5000,
        "max_age_seconds": MAX_AGE_SECONDS,
        "is_eligible": True,
        "metadata": {
            "sku": "gemini-api-prepaid",
            "sku_semantics": "1 credit = 1 unit of the prepaid balance in the smallest unit that the provider bills;"
            " amounts are the balance left, not packs bought",
            "transferable": False,
        },
    },
    {
        "name": "compute:fal",
        "asset_type": "compute_credit",
        "provider": "FAL",
        "unit": "FAL_CREDIT",
        "haircut_bps": 7000,
        "max_age_seconds": MAX_AGE_SECONDS,
        "is_eligible": True,
        "metadata": {
            "sku": "fal-prepaid-credits",
            "sku_semantics": "1 credit = 1 unit of the prepaid balance in the smallest unit that the provider bills;"
            " amounts are the balance left, not packs bought",
            "transferable": False,
        },
    },
]
