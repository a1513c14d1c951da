"""Independent clocks over a package's root: RFC 3161 authorities, OpenTimestamps in Bitcoin, and blocks seen before."""
