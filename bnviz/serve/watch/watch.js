// The page of the audience: mounts the component as Streamlit would, with what the server has written into the page.
import component from "./player.js";

const place = document.getElementById("watch");
const dark = matchMedia("(prefers-color-scheme: dark)");
const mount = () => component({ data: JSON.parse(place.dataset.component), parentElement: place, setTriggerValue() {} });
mount();
dark.addEventListener("change", mount);
