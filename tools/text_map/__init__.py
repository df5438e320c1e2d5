"""Learn the linear maps of the starter encoder's text side, and measure them."""
