"""The inference worker, a process of its own with its environment, allocator and binding, and the machine it ran on."""
