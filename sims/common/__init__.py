"""What several studies share: worlds, routers, comparisons, plots, and the program that runs a study."""
