"""From virtual addresses to physical ones: regimes, descriptors, the walker, the TLB."""
