"""One file that shows the results of methods: report.html."""
