"""evaluate's pictures, as SVG without dates, and the data that they are drawn from.

Confusion matrix, ROC and precision-recall curves, calibration, residuals, permutation
importances, learning curve. Each family is a module of two steps: `measure` makes
JSON-safe data of the predictions, `draw` makes SVG of that data and of nothing else.
"""
