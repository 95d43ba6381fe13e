"""medview: an offline second look at chest X-rays, brain MR slices and skin images."""

__version__ = "0.1.0"
