// The camera. It only carries pictures: what is in them is read by the phone
// itself, and the text of a code never comes here.
const widest = 1280; // pixels; enough for a code across half the picture
const pace = 200; // milliseconds between an answer and the next picture
const linger = 6000; // how long a remark stays

const by = id => document.getElementById(id);
const view = by('view'), note = by('note'), found = by('found'), again = by('use-camera'), picture = by('picture');
const canvas = document.createElement('canvas');
const usual = note.textContent;
let stream = null; // what the page shows
let watching = false; // whether its pictures are being read
let remarked = 0; // when the note was last changed

function say(text) {
  if (note.textContent !== text) note.textContent = text;
  remarked = Date.now();
}

const pause = ms => new Promise(done => setTimeout(done, ms));

// ask sends one picture and reports whether a code was found in it.
async function ask(blob) {
  const answer = await fetch('/scan/frame', { method: 'POST', body: blob, headers: { Accept: 'application/json' } });
  const { code, label, linking, problem } = await answer.json();
  if (problem) say(problem);
  if (!code) return false;
  watching = false; // the picture stays, the reading ends
  by('code').value = code;
  by('found-label').textContent = label;
  by('remember').checked = false;
  by('remember-row').hidden = !linking;
  found.hidden = false;
  say('Code found');
  found.querySelector('button').focus();
  return true;
}

function draw(source, width, height) {
  const scale = Math.min(1, widest / width);
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  canvas.getContext('2d').drawImage(source, 0, 0, canvas.width, canvas.height);
  return new Promise(done => canvas.toBlob(done, 'image/jpeg', 0.9));
}

async function watch(mine) {
  while (watching && stream === mine) {
    try {
      if (view.videoWidth && await ask(await draw(view, view.videoWidth, view.videoHeight))) return;
      if (watching && Date.now() - remarked > linger) say(usual);
      await pause(pace);
    } catch {
      say("The app isn't answering. Is it still running?");
      await pause(linger);
    }
  }
}

function stop() {
  watching = false;
  for (const track of stream?.getTracks() ?? []) track.stop();
  stream = null;
}

async function look(source) {
  stop();
  found.hidden = true;
  stream = source;
  again.hidden = true;
  view.srcObject = source;
  source.getVideoTracks()[0].addEventListener('ended', () => { if (stream === source) { stop(); again.hidden = false; } });
  await view.play();
  watching = true;
  watch(source);
}

async function useCamera() {
  try {
    await look(await navigator.mediaDevices.getUserMedia({ audio: false, video: { facingMode: 'environment', width: { ideal: widest } } }));
  } catch (e) {
    again.hidden = false;
    say(e.name === 'NotAllowedError' ? "This page may not use the camera. Allow it in the browser, or share a screen."
      : 'No camera here. Share a screen, or choose a picture.');
    remarked = Infinity;
  }
}

async function shareScreen() {
  try {
    const source = await navigator.mediaDevices.getDisplayMedia({ audio: false, video: true });
    say(usual);
    await look(source);
  } catch (e) {
    say(e.name === 'NotAllowedError' ? 'Nothing was shared.' : "This browser can't share a screen. Choose a picture instead.");
  }
}

function resume() {
  if (!stream || watching) return;
  watching = true;
  watch(stream);
}

async function choose(file) {
  if (!file) return;
  watching = false;
  found.hidden = true;
  say('Reading the picture');
  try {
    const bitmap = await createImageBitmap(file);
    // A screenshot is sent as it is: its code may be small.
    const whole = file.size < 6 << 20 && /^image\/(png|jpeg|gif)$/.test(file.type);
    const code = await ask(whole ? file : await draw(bitmap, bitmap.width, bitmap.height));
    if (!code && note.textContent === 'Reading the picture') say('No code in that picture.');
    if (!code) resume();
  } catch {
    say("That picture can't be read. Use a PNG or JPEG.");
    resume();
  }
}

again.addEventListener('click', useCamera);
by('share').addEventListener('click', shareScreen);
by('pick').addEventListener('click', () => picture.click());
picture.addEventListener('change', () => choose(picture.files[0]));
document.addEventListener('dragover', e => e.preventDefault());
document.addEventListener('drop', e => { e.preventDefault(); choose(e.dataTransfer.files[0]); });
document.addEventListener('paste', e => choose([...e.clipboardData.files].find(f => f.type.startsWith('image/'))));
addEventListener('pagehide', stop);
addEventListener('pageshow', e => { if (e.persisted) location.reload(); });
useCamera();
