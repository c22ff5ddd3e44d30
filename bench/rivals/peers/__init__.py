"""Whole runs of slide, label trees and PyTorch, each in its environment: see README.md."""
