/** How an image comes in: chosen, dropped, pasted, or taken with the camera. */

/**
 * Take image files from wherever a person gives them.
 *
 * `taken` is told a file; `refused` a title and a message about what was none.
 */
export function followFiles({ button, input, veil }, { taken, refused }) {
  button.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    const file = input.files[0];
    input.value = ""; // so that the same file can be chosen again
    if (file) taken(file);
  });
  document.addEventListener("paste", (event) => {
    const files = event.clipboardData?.files ?? [];
    if (files.length) {
      event.preventDefault();
      give(files, "pasted", { taken, refused });
    }
  });
  followDrops(veil, (files) => give(files, "dropped", { taken, refused }));
}

function give(files, how, { taken, refused }) {
  if (files.length === 1) taken(files[0]);
  else if (files.length) {
    refused(`${files.length} files were ${how}.`, "Give one image at a time.");
  } else refused("That was no file.", "Drop an image file from a folder of this computer.");
}

function followDrops(veil, dropped) {
  let depth = 0; // enter and leave come for each element on the way
  document.addEventListener("dragenter", (event) => {
    event.preventDefault();
    depth += 1;
    veil.hidden = false;
  });
  document.addEventListener("dragleave", () => {
    depth = Math.max(0, depth - 1);
    veil.hidden = depth === 0;
  });
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    depth = 0;
    veil.hidden = true;
    dropped(event.dataTransfer.files);
  });
}

/** The camera in its dialog; the button is hidden where the browser offers none. */
export function followCamera({ button, dialog, video, shoot, close }, { taken, refused }) {
  if (!navigator.mediaDevices?.getUserMedia) {
    button.hidden = true; // no camera without https or localhost
    return;
  }
  const stop = () => {
    for (const track of video.srcObject?.getTracks() ?? []) track.stop();
    video.srcObject = null;
  };
  button.addEventListener("click", async () => {
    try {
      const wanted = { video: { facingMode: "environment", width: { ideal: 1920 } }, audio: false };
      video.srcObject = await navigator.mediaDevices.getUserMedia(wanted);
    } catch (error) {
      refused("The camera did not start.", cameraAdvice(error));
      return;
    }
    shoot.disabled = true;
    video.addEventListener("loadeddata", () => (shoot.disabled = false), { once: true });
    dialog.showModal();
  });
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", stop); // Escape ends up here too
  shoot.addEventListener("click", async () => {
    const picture = await pictureOf(video);
    dialog.close();
    taken(new File([picture], "camera.png", { type: "image/png" }));
  });
}

function pictureOf(video) {
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d").drawImage(video, 0, 0);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

function cameraAdvice(error) {
  if (error.name === "NotAllowedError") return "Allow it in the browser for this page, and try again.";
  if (error.name === "NotFoundError") return "This machine has none that the browser can see.";
  return "Another program may be using it.";
}
