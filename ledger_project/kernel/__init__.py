"""What every app may use: no tables, no HTTP, no noun of the business."""
