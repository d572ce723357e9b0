"""What is true at one point of an execution: values, tasks, collections, and how it got there."""
