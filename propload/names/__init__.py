"""What is found, told or refused by its name: entry points, formats, spiders, types."""
